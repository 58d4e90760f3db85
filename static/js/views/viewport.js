// iOS lays its keyboard over the page, where others make the page smaller: what is left is told to the styles.
export function followKeyboard() {
  const { style } = document.documentElement;
  const seen = window.visualViewport;
  const fit = () => {
    // Zoomed in with two fingers less is seen as well, and nothing is to move.
    const isCovered = seen.scale < 1.01 && innerHeight - seen.height > 1;
    if (isCovered) style.setProperty("--seen", `${seen.height}px`);
    else style.removeProperty("--seen");
    // iOS has also scrolled the field into view, which is there now.
    if (isCovered) scrollTo(0, 0);
  };
  seen.addEventListener("resize", fit);
  seen.addEventListener("scroll", fit);
}
