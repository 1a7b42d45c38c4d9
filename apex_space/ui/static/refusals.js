// Shows why a request or a file was refused within the view. Gradio writes the reason only at the input, which may be out of view,
// and a song's player covers it when it finds that its song was deleted.
(() => {
  const SECONDS = 20;
  const box = document.createElement("p");
  box.className = "refusal";
  box.role = "alert";
  let leaving = 0;

  function say(text) {
    if (!text) return;
    box.textContent = text;
    (document.querySelector(".gradio-container") ?? document.body).append(box);
    clearTimeout(leaving);
    leaving = setTimeout(() => box.remove(), 1000 * SECONDS);
  }

  const reasons = ({ detail }) => detail.filter(({ is_valid }) => is_valid === false).map(({ message }) => message).join(" ");

  const send = window.fetch;
  window.fetch = async (...request) => {
    const answer = await send(...request);
    if (answer.status === 422) answer.clone().json().then(reasons).then(say).catch(() => {});
    return answer;
  };
  document.addEventListener("refused", ({ detail }) => say(detail));
  document.addEventListener("click", () => box.remove(), true);
})();
