// Keeps unfolded what the reader unfolded, when the page's tables are replaced by newer ones.
const page = element.closest(".gradio-container");
const all = () => [...page.querySelectorAll("details")];
const named = (part) => part.querySelector("summary").textContent.replace(/[\d.,]+/g, ""); // figures change with the votes
const open = new Set(); // names
page.addEventListener(
  "click",
  ({ target }) => {
    const part = target.closest("summary")?.parentElement;
    if (part) open[part.open ? "delete" : "add"](named(part)); // the click has not worked yet
  },
  true,
);
new MutationObserver(() => {
  for (const part of all()) if (!part.open && open.has(named(part))) part.open = true;
}).observe(page, { childList: true, subtree: true });
