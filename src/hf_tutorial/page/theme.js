// Before anything is painted: what the reader chose last, if it is not what the system says.
try {
  const chosen = localStorage.getItem("hf-tutorial-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch { /* a browser may keep nothing for files */ }
