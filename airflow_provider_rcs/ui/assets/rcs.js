// The theme of Airflow, live, and links to Airflow's own pages out of its frame. In the head: before anything is drawn.
"use strict";
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const applyTheme = () => {
    const chosen = localStorage.getItem("theme");
    const theme = chosen === "dark" || chosen === "light" ? chosen : dark.matches ? "dark" : "light";
    if (root.dataset.theme !== theme) {
      root.dataset.theme = theme;
      document.dispatchEvent(new Event("rcs-theme"));
    }
  };

  const isFramed = window.parent !== window;
  root.classList.toggle("framed", isFramed);
  applyTheme();
  addEventListener("storage", applyTheme);
  dark.addEventListener("change", applyTheme);

  // Inside the frame, a plain link would show Airflow in itself, and its sandbox does not let it leave by a target.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-airflow]");
    if (!isFramed || !link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const outside = parent.document.createElement("a");
    outside.href = link.href;
    parent.document.body.append(outside);
    outside.click();
    outside.remove();
  });
})();
