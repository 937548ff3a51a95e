// The reviewers' keys: J and K walk through the queue; A and R move to the decision, and only Enter takes it.
// They can be switched off, and are silent while somebody types (WCAG 2.1.4).
(() => {
  const box = document.getElementById("desk-keys");
  const STORE = "tambour.desk.keys";
  if (box) {
    box.checked = localStorage.getItem(STORE) !== "off";
    box.addEventListener("change", () => localStorage.setItem(STORE, box.checked ? "on" : "off"));
  }
  const isOn = () => (box ? box.checked : localStorage.getItem(STORE) !== "off");
  const isTyping = (element) => element.matches("textarea, select, input:not([type=checkbox]), [contenteditable]");
  const focus = (element) => {
    if (!element) return;
    element.scrollIntoView({ block: "center" });
    element.focus();
  };
  const keys = {
    a: () => focus(document.getElementById("decide-approve")),
    r: () => focus(document.querySelector("#decide-reasons input")),
    j: () => document.getElementById("case-next")?.click(),
    k: () => document.getElementById("case-previous")?.click(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !isOn() || isTyping(event.target)) return;
    const act = keys[event.key.toLowerCase()];
    if (act) {
      event.preventDefault();
      act();
    }
  });
})();
