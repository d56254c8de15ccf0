/** How a registry wants to be authenticated to, as it says in `WWW-Authenticate`. */
export type Challenge = { scheme: 'basic' } | { scheme: 'bearer'; realm: string; service?: string }

/** Reads the header (RFC 9110, 11.6.1). @returns undefined when it names no way that is known here */
export function challengeIn(header: string | undefined): Challenge | undefined {
  for (const { scheme, parameters } of schemesIn(header ?? '')) {
    if (scheme === 'basic') return { scheme }
    const { realm, service } = parameters
    if (scheme === 'bearer' && realm !== undefined) return { scheme, realm, ...(service && { service }) }
  }
  return undefined
}

function schemesIn(header: string) {
  const found: { scheme: string; parameters: Record<string, string> }[] = []
  // A word without `=` begins a scheme; values are words, or in quotes, where commas may stand.
  for (const match of header.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([\w-]+)/g)) {
    const [, name, quoted, plain, scheme] = match
    if (scheme !== undefined) found.push({ scheme: scheme.toLowerCase(), parameters: {} })
    else if (name) {
      const parameters = found.at(-1)?.parameters
      if (parameters) parameters[name.toLowerCase()] = plain ?? quoted!.replaceAll(/\\(.)/g, '$1')
    }
  }
  return found
}
