import tseslint from "typescript-eslint";

export default tseslint.config(
  {
    ignores: [
      "dist/",
      "**/build/",
      "docs/lib/",
      "docs/.observablehq/",
      "docs/components/generated/",
      "node_modules/",
      // AssemblyScript: checked by its own compiler. The build-time TypeScript beside it is linted.
      "src/cpu/**/*.ts",
      "!src/cpu/build.ts",
      "!src/cpu/instructions/**/*.ts",
    ],
  },
  ...tseslint.configs.recommended,
  {
    rules: {
      eqeqeq: "error",
      "no-console": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
  {
    // The engine is deterministic: no clock, no random source (docs: CONTRIBUTING.md, "The house").
    files: [
      "src/{spec,machine,hypervisor,trace,experiments,grading}/**/*.ts",
      "src/guests/**/!(build|prepare).ts",
    ],
    rules: {
      "no-restricted-globals": [
        "error",
        "performance",
        "setTimeout",
        "setInterval",
        "process",
        "window",
        "document",
      ],
      "no-restricted-properties": [
        "error",
        { object: "Math", property: "random", message: "The engine is deterministic." },
        { object: "Date", property: "now", message: "Time is simulated." },
      ],
    },
  },
  {
    files: ["src/cli/**", "src/**/{build,prepare}.ts", "src/site/**", "tests/**", "src/cpu/**"],
    rules: { "no-console": "off" },
  },
);
