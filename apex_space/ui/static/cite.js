// Copies a reference. Where the browser does not allow that, the reference is selected instead.
element.addEventListener("click", async ({ target }) => {
  const entry = target.closest("button") && target.closest(".cite");
  if (!entry) return;
  const text = entry.querySelector("pre");
  const done = await navigator.clipboard?.writeText(text.textContent).then(() => true, () => false);
  if (!done) getSelection().selectAllChildren(text);
  for (const status of element.querySelectorAll("[role=status]")) status.textContent = "";
  entry.querySelector("[role=status]").textContent = done ? props.texts.copied : props.texts.selected;
});
