// Tells the server the browser's time zone, so that the administration shows its times.
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const told = document.cookie.split("; ").includes(`time_zone=${zone}`);
  if (!zone || told) return;
  document.cookie = `time_zone=${zone}; path=/admin/; max-age=31536000; samesite=lax`;
  // Once, and only where the browser keeps the cookie: a page that was posted is not posted again.
  if (document.cookie.includes(`time_zone=${zone}`)) location.replace(location.href);
})();
