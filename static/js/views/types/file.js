// Files of any type, for download: of a PDF its first page is seen, of a text its first lines.
import { gettext, interpolate } from "chat/i18n.js";
import { graphemes } from "chat/text.js";
import { h, icon } from "chat/views/dom.js";
import { fileSize } from "chat/views/format.js";
import { lazy } from "chat/views/lazy.js";
import { progress } from "chat/views/progress.js";
import { richText } from "chat/views/rich_text.js";

const ICONS = [
  ["file-archive", /\.(zip|rar|7z|tar|gz|tgz|bz2|xz|zst|jar|apk|dmg|iso)$/i],
  ["file-spreadsheet", /\.(xlsx?|ods|csv|tsv|numbers|et)$/i],
  ["presentation", /\.(pptx?|odp|key|dps)$/i],
  ["file-image", /\.(jpe?g|png|gif|webp|heic|svg|psd|ai|tiff?|bmp|raw|avif)$/i],
  ["file-play", /\.(mp4|mov|mkv|webm|avi|m4v)$/i],
  ["file-music", /\.(mp3|m4a|wav|flac|ogg|opus|aac)$/i],
  ["file-code", /\.(js|ts|py|c|h|cpp|rs|go|java|html|css|json|xml|sh|sql|ya?ml)$/i],
  ["file-text", /\.(pdf|docx?|odt|rtf|txt|md|pages|wps|epub)$/i],
];

/** Endings of texts, and the languages of `messaging.media.code` in which they are coloured. */
const TEXTS = new Map(
  Object.entries({
    "": "txt text log md csv tsv srt vtt",
    bash: "sh bash",
    c: "c h",
    cpp: "cpp hpp cc",
    csharp: "cs",
    css: "css",
    dart: "dart",
    diff: "diff patch",
    go: "go",
    groovy: "gradle",
    html: "html htm svg",
    ini: "ini conf cfg properties",
    java: "java",
    javascript: "js mjs",
    json: "json geojson",
    kotlin: "kt",
    lua: "lua",
    php: "php",
    python: "py",
    ruby: "rb",
    rust: "rs",
    sql: "sql",
    swift: "swift",
    toml: "toml",
    tsx: "tsx jsx",
    typescript: "ts",
    xml: "xml",
    yaml: "yaml yml",
  }).flatMap(([language, endings]) => endings.split(" ").map((ending) => [ending, language])),
);

/** The language of a text by its name, "" for one without; undefined for what is no text. */
export const languageOf = (name) => TEXTS.get(/\.([a-z0-9]+)$/i.exec(name ?? "")?.[1].toLowerCase());

const iconFor = (name) => ICONS.find(([, ending]) => ending.test(name))?.[0] ?? "file";

/** Long names are cut in the middle, because their ending tells most. */
export function fileName(name) {
  const written = graphemes(name);
  const [head, tail] = written.length > 14 ? [written.slice(0, -8).join(""), written.slice(-8).join("")] : [name, ""];
  return h("bdi", { class: "file-name", title: name }, h("span", {}, head), tail && h("span", {}, tail));
}

export const fileIcon = (name) => h("span", { class: "file-icon" }, icon(iconFor(name)));

export const file = {
  name: "file",
  shelf: "files",
  isEditable: true,
  preview: (message) => [gettext("[File]"), message.fileName].filter(Boolean).join(" "),
  plainText: (message) => message.content,
  downloadUrl: (message) => message.mediaUrl,
  open: async (message, context) =>
    message.thumbnailUrl
      ? (await lazy.lightbox()).openLightbox(message, context)
      : (await lazy.textFile()).openTextFile(message, context),
  attachItems: [{ label: gettext("File"), icon: "file", run: (kit) => kit.pick({ multiple: true, asFiles: true }) }],
  body(message, { isSending, part, meta }) {
    const name = message.fileName ?? gettext("File");
    const card = [
      isSending ? progress(part) : fileIcon(name),
      h(
        "span",
        { class: "file-text" },
        fileName(name),
        h("small", {}, message.fileSize != null && fileSize(message.fileSize)),
      ),
      !isSending && message.mediaUrl && icon("download"),
    ];
    const label = interpolate(gettext("Download %(name)s"), { name });
    return h(
      "div",
      { class: "body", dir: "auto" },
      !isSending && message.mediaUrl && peek(message, name),
      isSending || !message.mediaUrl
        ? h("div", { class: "file-card" }, card)
        : h(
            "a",
            {
              class: "file-card",
              href: message.mediaUrl,
              download: name,
              "aria-label": `${label}, ${fileSize(message.fileSize)}`,
            },
            card,
          ),
      message.content && h("span", { class: "text" }, richText(message.content)),
      meta,
    );
  },
};

/** What is in a file, to be opened: a picture of its first page, or room for its first lines. */
function peek({ thumbnailUrl, width, height, mediaUrl, fileSize: bytes }, name) {
  const language = languageOf(name);
  if (!thumbnailUrl && (language === undefined || !bytes)) return null;
  const attributes = {
    type: "button",
    class: "file-peek",
    "data-act": "open",
    "aria-label": interpolate(gettext("Look into %(name)s"), { name }),
  };
  if (thumbnailUrl) {
    const picture = h("img", {
      src: thumbnailUrl,
      alt: "",
      loading: "lazy",
      decoding: "async",
      width: width && String(width),
      height: height && String(height),
    });
    return h("button", { ...attributes, class: "file-peek page" }, picture);
  }
  // Filled when it comes in sight: views/conversation/message_list.js.
  const lines = h("code", { dir: "auto", "data-peek": mediaUrl, "data-peeked-as": language });
  return h("button", attributes, h("pre", {}, lines));
}
