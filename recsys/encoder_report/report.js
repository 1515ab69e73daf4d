"use strict";
const tip = document.getElementById("tip");
for (const chart of document.querySelectorAll("svg.view")) {
  chart.addEventListener("pointermove", (event) => {
    const title = event.target.closest("circle")?.querySelector("title");
    tip.hidden = !title;
    if (!title) return;
    tip.textContent = title.textContent;
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${event.clientY + 16}px`;
  });
  chart.addEventListener("pointerleave", () => { tip.hidden = true; });
}
for (const button of document.querySelectorAll("button[data-group]")) {
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    for (const dot of document.querySelectorAll(`circle.g${button.dataset.group}`)) {
      dot.style.display = shown ? "" : "none";
    }
  });
}
