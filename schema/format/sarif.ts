import { readFileSync } from 'node:fs'
import type { Finding } from '../finding.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

/** SARIF 2.1.0, which code scanning services read. */
export function sarif(findings: Finding[]) {
  const rules = [...new Set(findings.map(finding => finding.code))].sort()
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'dyninka', semanticVersion: version, rules: rules.map(id => ({ id })) } },
        columnKind: 'utf16CodeUnits',
        originalUriBaseIds: { ROOT: { description: { text: 'The folder that was checked.' } } },
        results: findings.map(finding => result(finding, rules.indexOf(finding.code))),
      },
    ],
  }
}

function result({ file, line, column, code, message, hint }: Finding, ruleIndex: number) {
  return {
    ruleId: code,
    ruleIndex,
    level: 'error',
    message: { text: `${message} ${hint}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: file.split('/').map(encodeURIComponent).join('/'), uriBaseId: 'ROOT' },
          region: { startLine: line, startColumn: column },
        },
      },
    ],
  }
}
