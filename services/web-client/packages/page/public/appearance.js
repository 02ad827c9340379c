// Runs before the first paint, so that a chosen appearance does not flash the other one.
try {
  const theme = localStorage.getItem("aviso.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden: the system's appearance holds.
}
