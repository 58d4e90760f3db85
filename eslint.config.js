// What scripts/lint checks in the browser's scripts: ESLint's recommended rules, and the rules that
// docs/design.md names.
import js from "@eslint/js";
import globals from "globals";

/** Modules that every layer may import. */
const SHARED = [
  "hidden\\.js",
  "i18n\\.js",
  "ids\\.js",
  "mentions\\.js",
  "problems\\.js",
  "roles\\.js",
  "statuses\\.js",
  "storage\\.js",
  "text\\.js",
  "timing\\.js",
];
/** What each folder of static/js may import; main.js puts all of it together. */
const LAYERS = {
  state: ["state/"],
  net: ["net/"],
  offline: ["offline/"],
  media: ["media/"],
  actions: ["state/", "net/", "actions/"],
  views: ["state/", "media/", "views/"],
  "views/types": ["media/", "views/types/", "views/[^/]+\\.js"],
  "views/list": ["state/", "views/list/", "views/types/", "views/[^/]+\\.js"],
  "views/settings": ["views/settings/", "views/[^/]+\\.js"],
  "views/conversation": ["state/", "media/", "views/conversation/", "views/types/", "views/[^/]+\\.js"],
};

const layer = ([folder, allowed]) => ({
  files: [`static/js/${folder}/**/*.js`],
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: [
          {
            regex: `^chat/(?!${[...SHARED, ...allowed].join("|")})`,
            message: `${folder}/ does not import this: see LAYERS in eslint.config.js.`,
          },
        ],
      },
    ],
  },
});

const STORE = ":matches(Identifier[name='store'], PrivateIdentifier[name='store'])";
const storeWrites = [
  "AssignmentExpression > MemberExpression.left > Identifier.object[name='store']",
  `AssignmentExpression > MemberExpression.left > .object ${STORE}`,
  `CallExpression[callee.property.name=/^(set|delete|clear|push|splice|put|prepend|replace|update|trim)$/] > .callee > .object ${STORE}`,
].map((selector) => ({ selector, message: "State changes only through methods of the store." }));

export default [
  { ignores: ["**/node_modules/"] },
  js.configs.recommended,
  {
    files: ["static/**/*.js", "eslint.config.js"],
    languageOptions: { ecmaVersion: 2024, sourceType: "module", globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: ["error", "smart"],
      "no-shadow": "error",
      "no-unused-private-class-members": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
      "sort-imports": ["error", { ignoreCase: true, ignoreDeclarationSort: true }],
    },
  },
  {
    files: ["static/js/**/*.js"],
    ignores: ["static/js/state/**"],
    rules: { "no-restricted-syntax": ["error", ...storeWrites] },
  },
  {
    files: ["static/js/**/*.js"],
    ignores: ["static/js/net/**"],
    rules: {
      "no-restricted-globals": [
        "error",
        ...["fetch", "XMLHttpRequest", "WebSocket", "EventSource"].map((name) => ({
          name,
          message: "Only net/ speaks to the server.",
        })),
      ],
    },
  },
  ...Object.entries(LAYERS).map(layer),
  {
    files: ["static/worker/*.js"],
    languageOptions: { sourceType: "script", globals: globals.serviceworker },
  },
];
