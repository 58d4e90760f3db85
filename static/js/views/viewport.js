// iOS lays its keyboard over the page, where other systems resize it. --seen gives the stylesheets
// the visible height.
export function followKeyboard() {
  const { style } = document.documentElement;
  const seen = window.visualViewport;
  const fit = () => {
    // A page that is zoomed in is partly visible as well, but nothing must move.
    const isCovered = seen.scale < 1.01 && innerHeight - seen.height > 1;
    if (isCovered) style.setProperty("--seen", `${seen.height}px`);
    else style.removeProperty("--seen");
    // iOS has also scrolled the field into view; that is not needed any more.
    if (isCovered) scrollTo(0, 0);
  };
  seen.addEventListener("resize", fit);
  seen.addEventListener("scroll", fit);
}
