"use strict";
const tools = document.querySelector(".tools");
if (tools) {
  tools.hidden = false;
  tools.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const pressed = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pressed));
    for (const pair of document.querySelectorAll(`.pairs li[data-split="${button.dataset.only}"]`)) pair.hidden = !pressed;
  });
}
