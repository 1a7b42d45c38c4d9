// Shows why a request or a file was refused within the view. Gradio writes the reason only at the input, which may be out of view,
// and a song's player covers it when it finds that its song was deleted.
(() => {
  const SECONDS = 20;
  const box = document.createElement("p");
  box.className = "refusal";
  box.role = "alert";
  let leaving = 0;
  let pressed = null; // what the visitor pressed last

  // In a frame that is as high as its content, only the place of the control is sure to be in view.
  function place(at) {
    const near = self === top ? null : at?.closest(".block, .row, .gradio-container > *");
    box.classList.toggle("near", Boolean(near));
    if (near) near.after(box);
    else (document.querySelector(".gradio-container") ?? document.body).append(box);
  }

  function say(text, at = pressed) {
    if (!text) return;
    box.textContent = text;
    place(at);
    at?.dispatchEvent(new Event("refusal", { bubbles: true })); // for what waits for an answer
    clearTimeout(leaving);
    leaving = setTimeout(() => box.remove(), 1000 * SECONDS);
  }

  const reasons = ({ detail }) => detail.filter(({ is_valid }) => is_valid === false).map(({ message }) => message).join(" ");

  const send = window.fetch;
  window.fetch = async (...request) => {
    const answer = await send(...request);
    if (answer.status === 422) answer.clone().json().then((body) => say(reasons(body))).catch(() => {});
    return answer;
  };
  document.addEventListener("refused", ({ detail, target }) => say(detail, target));
  document.addEventListener("click", ({ target }) => ((pressed = target), box.remove()), true);
})();
