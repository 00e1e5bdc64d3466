"use strict";
// Regions drawn on a photo by their corners. Listens at the document, as the page brings its parts later.
function box() { return document.querySelector("#region-corners textarea, #region-corners input"); }
function corners() { return (box()?.value || "").split(",").map((text) => text.trim()).filter(Boolean); }
function write(values) {
  const field = box();
  if (!field) return;
  field.value = values.join(",");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  redraw();
}
function redraw() {
  const values = corners();
  const points = [];
  for (let i = 0; i + 1 < values.length; i += 2) points.push(values[i] + "," + values[i + 1]);
  document.querySelector(".draw .new")?.setAttribute("points", points.join(" "));
}
document.addEventListener("click", (event) => {
  const place = event.target instanceof Element ? event.target.closest(".draw") : null;
  if (!place) return;
  const svg = place.querySelector("svg"), area = svg.getBoundingClientRect(), view = svg.viewBox.baseVal;
  const x = (event.clientX - area.left) / area.width * view.width - 0.5;
  const y = (event.clientY - area.top) / area.height * view.height - 0.5;
  write([...corners(), x.toFixed(1), y.toFixed(1)]);
  place.focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Backspace" || !(event.target instanceof Element) || !event.target.matches(".draw")) return;
  event.preventDefault();
  write(corners().slice(0, -2));
});
document.addEventListener("input", (event) => {
  if (event.target === box()) redraw();
});
