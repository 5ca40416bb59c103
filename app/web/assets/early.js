// Before anything is painted: the theme that the reader chose last time. A classic script, so that it blocks.
"use strict";
try {
  const theme = localStorage.getItem("theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Nothing is kept here.
}
document.documentElement.classList.add("js");
