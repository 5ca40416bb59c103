// The stored theme is applied before the first paint. A classic script blocks rendering; a module would not.
"use strict";
try {
  const theme = localStorage.getItem("theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's theme applies.
}
document.documentElement.classList.add("js");
