// A report in a frame is as high as its content, and who is signed out is asked to sign in again.
(() => {
  const fit = (frame) => {
    const inside = frame.contentDocument && frame.contentDocument.documentElement;
    if (!inside) return;
    const set = () => { frame.style.height = `${inside.scrollHeight + 2}px`; };
    set();
    new ResizeObserver(set).observe(frame.contentDocument.body);
  };
  const look = () => {
    for (const frame of document.querySelectorAll("iframe.report:not([data-fitted])")) {
      frame.dataset.fitted = "1";
      frame.addEventListener("load", () => fit(frame));
      if (frame.contentDocument && frame.contentDocument.readyState === "complete") fit(frame);
    }
  };
  new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true });
  look();
  const ask = window.fetch;
  window.fetch = async (...told) => {
    const answer = await ask(...told);
    if (answer.status === 401 && new URL(answer.url).origin === location.origin) location.assign("/login");
    return answer;
  };
})();
