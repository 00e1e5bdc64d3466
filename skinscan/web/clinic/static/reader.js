// The page's content comes after the page: go then to the part that the address names.
(() => {
  const name = decodeURIComponent(location.hash.slice(1));
  if (!name) return;
  const watch = new MutationObserver(() => {
    const part = document.getElementById(name);
    if (!part) return;
    watch.disconnect();
    part.scrollIntoView({ behavior: "instant" });
  });
  watch.observe(document.documentElement, { childList: true, subtree: true });
})();
