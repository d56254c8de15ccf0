export function languageReference(_schema: unknown): string {
  return ''
}
