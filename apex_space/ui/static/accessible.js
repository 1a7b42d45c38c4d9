// Adds what Gradio's markup lacks for people who use a screen reader, again after every change of the page: names that
// tell controls apart and contain their visible text, a mark for the current page, and labels of groups and pictures. The
// choice of a judge that is not there is disabled. The Tab key takes the way that the eye takes.
(() => {
  const PAUSE_MS = 100;
  const NARROW = matchMedia("(max-width: 699px)"); // the Score page has one column then, see style.css
  const given = new WeakMap(); // control -> its name in the markup, and the name that replaces it here
  const ours = (element) => element.closest(".gradio-container") && element.checkVisibility();
  const all = (selector) => [...document.querySelectorAll(selector)].filter(ours);
  const text = (element) => (element?.innerText ?? "").replace(/\s+/g, " ").trim();
  const title = (part) => text(part?.querySelector("[data-testid=block-label], [data-testid=block-info]"));

  function set(element, name, value) {
    if (value && element.getAttribute(name) !== value) element.setAttribute(name, value);
  }

  function markup(control) {
    const now = control.getAttribute("aria-label");
    const [before, after] = given.get(control) ?? [];
    return now === after ? before : now;
  }

  const shown = (control) => text(control.closest("label") ?? control);

  function plain(control) {
    const label = (markup(control) ?? "").replace(/\d+\.\d{2,}/g, (seconds) => Number(seconds).toFixed(1));
    const seen = shown(control);
    if (!/[\p{L}\p{N}]/u.test(seen) || label.toLowerCase().includes(seen.toLowerCase())) return label;
    return label && seen.length < 5 ? `${seen}: ${label}` : seen; // "1x: Adjust playback speed to 1.5x"
  }

  function nameControls(selector) {
    const names = all(selector).filter((control) => !control.closest(".html-container")).map((control) => [control, plain(control)]);
    for (const [control, name] of names) {
      const alone = names.filter(([, other]) => other === name).length < 2;
      const file = control.closest("tr.file")?.querySelector("[aria-label]").ariaLabel;
      const place = file ?? (alone ? "" : title(control.closest(".block, .column")));
      const label = place ? `${name}, ${place}` : name;
      const before = markup(control);
      if (label === (before ?? shown(control))) continue;
      given.set(control, [before, label]);
      set(control, "aria-label", label);
    }
  }

  // On a wide page the choices are below the song, and the result beside both; on a narrow page the result comes first.
  function orderColumns() {
    const [choices, result] = ["choices", "outcome"].map((id) => document.getElementById(id));
    const [first, second] = NARROW.matches ? [result, choices] : [choices, result];
    const behind = Node.DOCUMENT_POSITION_FOLLOWING;
    if (first && !(first.compareDocumentPosition(second) & behind)) first.after(second);
  }

  function mend() {
    orderColumns();
    for (const kind of ["button", "fieldset input", "tr.file a"]) nameControls(kind);
    for (const outer of all("button:has(button)")) {
      const inner = outer.querySelector("button");
      outer.onclick ??= ({ target }) => inner.contains(target) || inner.click();
    }
    for (const { dataset } of all(".judges[data-absent]")) {
      const absent = dataset.absent.split(" ");
      for (const choice of all("#judge input")) choice.disabled = absent.includes(choice.value);
    }
    for (const link of all(".nav-holder a.active")) set(link, "aria-current", "page");
    for (const group of all("fieldset")) set(group, "aria-label", title(group));
    for (const plot of all(".js-plotly-plot")) {
      set(plot, "role", "img");
      set(plot, "aria-label", title(plot.closest(".block")));
    }
  }

  NARROW.addEventListener("change", orderColumns);
  let soon = 0;
  const watched = { subtree: true, childList: true, attributeFilter: ["aria-label", "class", "style", "data-absent"] };
  new MutationObserver(() => (soon ||= setTimeout(() => ((soon = 0), mend()), PAUSE_MS))).observe(document, watched);
})();
