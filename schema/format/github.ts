import type { Finding } from '../finding.ts'

/** Workflow commands of GitHub Actions, which mark the lines of a pull request.
 *  See https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands */
export function github(findings: Finding[]): string {
  return findings
    .map(({ file, line, column, code, message, hint }) => {
      const where = `file=${property(file)},line=${line},col=${column},title=${property(code)}`
      return `::error ${where}::${data(`${message}\n${hint}`)}\n`
    })
    .join('')
}

const data = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
const property = (text: string) => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
