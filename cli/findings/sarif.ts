import type { Finding } from '../../schema/finding.ts'

/** A SARIF 2.1.0 log. https://docs.oasis-open.org/sarif/sarif/v2.1.0/ */
export function sarif(findings: Finding[]) {
  const codes = [...new Set(findings.map(finding => finding.code))].sort()
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'dyninka', rules: codes.map(id => ({ id })) } },
        columnKind: 'utf16CodeUnits',
        results: findings.map(finding => ({
          ruleId: finding.code,
          ruleIndex: codes.indexOf(finding.code),
          level: 'error',
          message: { text: `${finding.message}\n${finding.hint}` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: encodeURI(finding.file) },
                region: { startLine: finding.line, startColumn: finding.column },
              },
            },
          ],
        })),
      },
    ],
  }
}
