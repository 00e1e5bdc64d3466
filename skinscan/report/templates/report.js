"use strict";
document.documentElement.classList.add("js");
for (const slider of document.querySelectorAll(".slider")) {
  const hand = slider.querySelector("input");
  const cut = () => slider.style.setProperty("--cut", hand.value + "%");
  hand.addEventListener("input", cut);
  cut();
}
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
});
const views = [...document.querySelectorAll(".view")];
const buttons = [...document.querySelectorAll("[data-view]")];
function show(name) {
  for (const view of views) view.classList.toggle("on", view.dataset.name === name);
  for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.view === name));
}
for (const button of buttons) button.addEventListener("click", () => show(button.dataset.view));
show("plain");
for (const hand of document.querySelectorAll(".strength input")) {
  hand.addEventListener("input", () => {
    document.body.style.setProperty("--strength", hand.value / 100);
    for (const other of document.querySelectorAll(".strength input")) other.value = hand.value;
  });
}
