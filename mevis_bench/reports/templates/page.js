// Light and dark: follows the system until the button is used; the choice is kept where the browser allows it.
"use strict";
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const stored = (value) => {
    try { if (value) localStorage.setItem("theme", value); return localStorage.getItem("theme"); } catch { return null; }
  };
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const label = () => { const button = document.getElementById("theme"); if (button) button.textContent = isDark() ? "Light mode" : "Dark mode"; };
  const theme = stored(null);
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;
  system.addEventListener("change", label);
  document.addEventListener("DOMContentLoaded", () => {
    label();
    document.getElementById("theme").addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark"; stored(root.dataset.theme); label(); document.dispatchEvent(new Event("themechange"));
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "t" && !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.matches("input, select, textarea")) document.getElementById("theme").click();
  });
})();
