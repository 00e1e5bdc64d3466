// A report in a frame is as high as its content, and who is signed out is asked to sign in again.
(() => {
  const fit = (frame) => {
    const body = frame.contentDocument && frame.contentDocument.body;
    if (!body) return;
    // the body's own box: the page's scroll height is never less than the frame's, which then could not shrink
    const set = () => {
      const edges = getComputedStyle(body);
      const margins = parseFloat(edges.marginTop) + parseFloat(edges.marginBottom);
      frame.style.height = `${Math.ceil(body.getBoundingClientRect().height + margins) + 4}px`;
    };
    set();
    new ResizeObserver(set).observe(body);
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
