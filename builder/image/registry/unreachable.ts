import { Problem } from '../../../schema/problem.ts'

const untrusted = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_UNTRUSTED', 'CERT_SIGNATURE_FAILURE',
]) // biome-ignore format: a list to scan

/** What it means that a request got no answer, told by the error's code. Anything else passes through. */
export function unreachable(error: Error, url: URL): Error {
  const { code } = error as NodeJS.ErrnoException
  const at = url.host
  if (code === undefined || error instanceof Problem) return error
  if (untrusted.has(code)) {
    return new Problem('RegistryUntrusted', `${at} shows a certificate that is not trusted here (${code})`, {
      disposition: 'waiting',
      hint: 'For an authority of your own, give its certificate (PEM) with the registry.',
      cause: error,
    })
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return new Problem('RegistryUntrusted', `the certificate of ${at} is out of date (${code})`, {
      disposition: 'waiting',
      hint: 'Renew it, or mend the clock of this machine.',
      cause: error,
    })
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return new Problem('RegistryUntrusted', `the certificate of ${at} is for another name`, {
      disposition: 'waiting',
      hint: 'Name the registry as its certificate does, or give it one for this name.',
      cause: error,
    })
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return new Problem('RegistryWithoutTls', `${at} does not speak TLS (${code})`, {
      disposition: 'waiting',
      hint: 'Write http:// before its name if it has none.',
      cause: error,
    })
  }
  if (code === 'ENOTFOUND') {
    return new Problem('RegistryUnreachable', `there is no host ${url.hostname}`, {
      disposition: 'waiting',
      hint: 'Check the name of the registry.',
      cause: error,
    })
  }
  if (code.startsWith('HPE_')) return notRegistry(at, error)
  return new Problem('RegistryUnreachable', `${at} does not answer (${code})`, {
    hint: 'It is tried again; check the registry and the network between.',
    cause: error,
  })
}

export const notRegistry = (at: string, cause?: unknown) =>
  new Problem('NotARegistry', `${at} does not answer as a registry does`, {
    disposition: 'waiting',
    hint: 'Check host and port: a registry answers at /v2/.',
    cause,
  })
