// Shares a page's result in words: by the device's own menu where there is one, as on phones, else by copying.
const page = element.closest(".gradio-container");
const words = (selector) => page.querySelector(`.result ${selector}`)?.innerText.trim();

function scores() {
  const known = [...page.querySelectorAll(".result .card:has(b)")];
  return known.map((card) => `${card.querySelector("span").innerText} ${card.querySelector("b").innerText}`).join(", ");
}

async function share() {
  const text = [words(".song"), words(".verdict"), scores()].filter(Boolean).join(": ");
  const said = [text, words(".against")].filter(Boolean).join("\n");
  const url = page.querySelector("#link :is(input, textarea)")?.value || location.href;
  if (navigator.share) return navigator.share({ text: said, url }).catch(() => {}); // the visitor may change their mind
  const copied = await navigator.clipboard?.writeText(`${said}\n${url}`).then(() => true, () => false);
  element.querySelector("[role=status]").textContent = copied ? props.texts.copied : props.texts.failed;
}

element.querySelector("button").onclick = share;
