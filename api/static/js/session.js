// A key, where the service asks for one: traded for a cookie that scripts cannot read.

let asking = null;

/** Ask for a key; true once the service took it, false when the dialog was closed. */
export function askForKey() {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById("key-dialog");
    const form = dialog.querySelector("form");
    const refused = document.getElementById("key-refused");
    const done = (given) => {
      asking = null;
      form.onsubmit = dialog.onclose = null;
      if (dialog.open) dialog.close();
      resolve(given);
    };
    refused.hidden = true;
    form.onsubmit = async (event) => {
      event.preventDefault();
      const key = form.elements.key.value.trim();
      form.elements.key.value = "";
      const response = await fetch("/v1/session", { method: "POST", headers: { Authorization: `Bearer ${key}` } }).catch(() => null);
      if (response?.ok) done(true);
      else refused.hidden = false;
    };
    dialog.onclose = () => done(false);
    dialog.showModal();
  });
  return asking;
}
