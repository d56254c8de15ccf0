import type { Finding } from '../../schema/finding.ts'

/** A workflow command that marks the line.
 *  https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands */
export function github({ file, line, column, code, message, hint }: Finding): string {
  const place = `file=${property(file)},line=${line},col=${column},title=${property(code)}`
  return `::error ${place}::${encode(`${message}\n${hint}`)}`
}

const encode = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')

const property = (text: string) => encode(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
