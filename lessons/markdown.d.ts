/** Prose is imported as text; the build and the test runner know how. */
declare module '*.md' {
  const text: string
  export default text
}
