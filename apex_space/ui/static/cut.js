// Asks the server for a passage of the song as a file when a button in a table names it, and hands the file over.
const page = element.closest(".gradio-container");
let pressed = null; // the button, until there is an answer

page.addEventListener("click", ({ target }) => {
  const button = target.closest?.("button[data-cut]");
  if (!button || pressed) return;
  pressed = button;
  button.ariaDisabled = "true"; // it keeps the focus
  props.value = button.dataset.cut;
  trigger("submit");
});

function answered() {
  if (pressed) pressed.ariaDisabled = null;
  pressed = null;
}

page.addEventListener("refusal", answered);
watch("value", () => {
  if (typeof props.value === "string") return; // the question itself
  answered();
  const { name, mp3 } = props.value ?? {};
  if (!mp3) return;
  const bytes = Uint8Array.from(atob(mp3), (letter) => letter.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "audio/mpeg" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // some browsers read it only after they asked the visitor
});
