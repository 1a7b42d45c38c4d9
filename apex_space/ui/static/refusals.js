// Shows why a request was refused where the visitor looks. Gradio writes the reason only at the input, which may be out
// of view, and not at all at a song that can be played.
(() => {
  const SECONDS = 20;
  const PAINTED_MS = 200; // by then Gradio has written what it writes
  const box = document.createElement("p");
  box.className = "refusal";
  box.role = "alert";
  let leaving = 0;

  function inView(element) {
    const { top, bottom } = element.getBoundingClientRect();
    return top < innerHeight && bottom > 0;
  }

  function say(reasons) {
    const seen = [...document.querySelectorAll(".validation-error")].filter(inView).map(({ innerText }) => innerText);
    const unseen = reasons.filter((reason) => !seen.some((text) => text.includes(reason)));
    if (!unseen.length) return;
    box.textContent = unseen.join(" ");
    (document.querySelector(".gradio-container") ?? document.body).append(box);
    clearTimeout(leaving);
    leaving = setTimeout(() => box.remove(), 1000 * SECONDS);
  }

  const send = window.fetch;
  window.fetch = async (...request) => {
    const answer = await send(...request);
    if (answer.status === 422) {
      const reasons = ({ detail }) => detail.filter(({ is_valid }) => is_valid === false).map(({ message }) => message);
      answer.clone().json().then((body) => setTimeout(say, PAINTED_MS, reasons(body))).catch(() => {});
    }
    return answer;
  };
  document.addEventListener("click", () => box.remove(), true);
})();
