// What a page does on a foreign page. As a view alone in a frame, it opens links outside the frame and tells the page
// around it how high its content is. As <gradio-app>, its links lead to this server, in a new tab.
(() => {
  const MAIN = "score"; // the view of the page at the root, whose path is empty
  const MARGIN = 32; // pixels below the content
  const CONTENT = "main.contain > .column";
  const APP = "gradio-app[src]";

  function alone() {
    document.documentElement.classList.add("alone");
    document.querySelector("base").target = "_blank";
    if (window.parent !== window) new MutationObserver(tellHeight).observe(document, { childList: true, subtree: true });
  }

  function tellHeight(_, observer) {
    const content = document.querySelector(CONTENT);
    if (!content) return;
    observer.disconnect();
    const height = () => Math.ceil(content.getBoundingClientRect().bottom + window.scrollY + MARGIN);
    new ResizeObserver(() => window.parent.postMessage({ apexSpaceHeight: height() }, "*")).observe(content);
  }

  function leadHere(app) {
    const site = new URL(app.getAttribute("src").replace(/embed\/[^/]*\/?$/, ""), document.baseURI);
    const mend = () => {
      for (const link of app.querySelectorAll("a[href]:not([href^='data:'], [href^='#'])")) {
        const { href } = new URL(link.getAttribute("href"), site);
        if (link.getAttribute("href") !== href) link.href = href;
        if (link.target !== "_blank") link.target = "_blank";
      }
    };
    mend();
    new MutationObserver(mend).observe(app, { childList: true, subtree: true, attributeFilter: ["href"] });
  }

  const view = new URLSearchParams(location.search).get("view");
  const pages = window.gradio_config?.pages ?? [];
  if (window.__gradio_mode__ === "app" && view && pages.some(([path]) => (path || MAIN) === view)) alone();
  document.querySelectorAll(APP).forEach(leadHere);
})();
