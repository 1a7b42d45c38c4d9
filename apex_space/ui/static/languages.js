// Shows Gradio's own texts in the language of the page. Gradio reads the browser's language, so this is set first.
// Texts that Gradio has only in English are replaced where they appear. Links keep the language that was asked for.
if (window.gradio_config) {
  const spoken = gradio_config.language ?? "en";
  Object.defineProperty(navigator, "language", { get: () => spoken, configurable: true });

  const asked = new URLSearchParams(location.search).get("lang");
  document.addEventListener("click", ({ target }) => {
    const link = target.closest?.("a[href]");
    if (!asked || !link || link.origin !== location.origin) return;
    const url = new URL(link.href);
    if (!url.searchParams.has("lang")) url.searchParams.set("lang", asked);
    link.href = url.href;
  }, true);

  const words = Object.entries(gradio_config.words ?? {}).map(([text, said]) => {
    const literal = text.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
    return [new RegExp(`^${literal.replace(/\{(\w+)\}/g, "(?<$1>.*)")}$`, "s"), said.replace(/\{(\w+)\}/g, "$<$1>")];
  });

  function replace(text, write) {
    const [pattern, said] = words.find(([pattern]) => pattern.test(text.trim())) ?? [];
    if (pattern) write(text.trim().replace(pattern, said));
  }

  function translate(element) {
    for (const named of [element, ...element.querySelectorAll("[aria-label], [title]")])
      for (const name of ["aria-label", "title"])
        replace(named.getAttribute(name) ?? "", (said) => named.setAttribute(name, said));
    for (const { childNodes } of element.querySelectorAll(".toast-title, .toast-message-text"))
      for (const text of childNodes) if (text.data) replace(text.data, (said) => (text.data = said));
  }

  const changed = ({ target, addedNodes }) =>
    [...addedNodes, target.closest?.(".toast-wrap, [aria-label]")].filter((node) => node instanceof Element);
  const watched = { subtree: true, childList: true, attributeFilter: ["aria-label", "title"] };
  const watcher = new MutationObserver((records) => records.flatMap(changed).forEach(translate));
  if (words.length) watcher.observe(document, watched);
}
