import { Problem } from '../../schema/problem.ts'
import { diskFull, stateProblem } from '../state-folder.ts'
import { redact } from './address.ts'
import { GitFailure, GitStalled } from './git.ts'

/** What Git, SSH and HTTP say (in English, see `openGit`) when a server can't be read, and what it means. */
const meanings: {
  said: RegExp
  reason: string
  message: string
  disposition: Problem['disposition']
  hint: string
}[] = [
  {
    // Git is built with OpenSSL, or with GnuTLS.
    said: /SSL certificate problem|certificate verification failed|SSL: (no alternative )?certificate subject name|error setting certificate|Problem with the SSL CA cert/,
    reason: 'CertificateUntrusted',
    message: 'shows a certificate that is not trusted here',
    disposition: 'stalled',
    hint: 'For an authority of your own, set GIT_SSL_CAINFO=FILE.pem (its certificate) for the controller, and start again.',
  },
  {
    said: /returned error: 40[13]|Authentication failed|could not read (Username|Password)|Permission denied \(/,
    reason: 'AuthenticationFailed',
    message: 'refuses the credentials, or needs some',
    disposition: 'stalled',
    hint: 'Give a user and token that may read it (for SSH: a key), and start again.',
  },
  {
    said: /Host key verification failed/,
    reason: 'HostKeyUnknown',
    message: 'shows a host key that is not in the known hosts file',
    disposition: 'stalled',
    hint: 'Add the key of the server (`ssh-keyscan HOST`), after comparing it with what the server publishes.',
  },
  {
    said: /dubious ownership|unsafe repository/,
    reason: 'ForeignRepository',
    message: 'belongs to another user of this machine',
    disposition: 'stalled',
    hint: 'Allow it with `git config --global --add safe.directory PATH`.',
  },
  {
    said: /not found|returned error: 404|does not appear to be a git repository|does not exist|No such file/,
    reason: 'RepositoryNotFound',
    message: 'is not there, or is not a Git repository',
    disposition: 'waiting',
    hint: 'Check the URL; if the repository comes back, it is followed again.',
  },
]

/** Git on this machine had no room; what a server says of its own disk begins with `remote:`. */
const noRoom = /^(?!remote:).*(No space left on device|Disk quota exceeded)/m
export const lacksRoom = (error: unknown) => error instanceof GitFailure && noRoom.test(error.stderr)

/** What went wrong with a repository, as a problem. Anything else passes through.
 *  @param folder where its copy is kept */
export function sourceProblem(
  error: unknown,
  url: string,
  folder: string,
  secrets: readonly (string | undefined)[],
): unknown {
  if (lacksRoom(error)) return diskFull(folder, error as GitFailure)
  if (error instanceof GitStalled)
    return new Problem('SourceTimeout', `${url} does not answer`, {
      cause: error,
      hint: 'It is tried again; check the server and the network between.',
    })
  if (error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string') {
    const named = stateProblem(error, folder)
    if (named instanceof Problem && named.reason === 'DiskFull') return named
    return new Problem('CacheUnusable', `the copy of ${url} can't be kept: ${error.message}`, {
      cause: error,
      hint: 'It is tried again; see to the room and the permissions of the state folder.',
    })
  }
  if (!(error instanceof GitFailure)) return error
  if (/spawn git ENOENT|git: not found|setsid: .*git/.test(error.stderr))
    return new Problem('GitMissing', 'there is no program `git`', {
      cause: error,
      disposition: 'stalled',
      hint: 'Install Git 2.34 or later, or put it in PATH.',
    })
  const said = redact(error.stderr, secrets)
  const meaning = meanings.find(meaning => meaning.said.test(said))
  if (meaning) {
    const { reason, message, ...rest } = meaning
    return new Problem(reason, `${url} ${message}`, { disposition: rest.disposition, hint: rest.hint })
  }
  const why =
    said.split('\n').find(line => /^(fatal|error|ssh):/i.test(line)) ?? `git ended with ${error.exitCode}`
  return new Problem('SourceUnreachable', `${url} can't be read: ${why}`, {
    hint: 'It is tried again; check the server and the network between.',
  })
}
