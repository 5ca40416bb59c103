"""Routes of the map page and of the embedded map."""

from django.urls import path

from web import views

urlpatterns = [
    path("", views.page, name="map"),
    path("embed", views.embed, name="embed"),
    path("robots.txt", views.robots, name="robots"),
    path("styles/light.json", views.map_style, {"theme": "light"}, name="style-light"),
    path("styles/dark.json", views.map_style, {"theme": "dark"}, name="style-dark"),
    path("pack.js", views.pack_reader, name="pack-reader"),
    path("favicon.ico", views.favicon, name="favicon"),
]
