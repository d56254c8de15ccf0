/** What to do about it, by reason, for who has a Dataflow and `kubectl` in hand. Where nothing stands here, what the
 *  problem itself says holds. */
const hints: Record<string, string> = {
  AuthenticationFailed:
    'Put a user and token that may read it (for SSH: a key) into the Secret of spec.source.secretRef; it is read again by itself.',
  HostKeyUnknown:
    'Compare the key of the server with what it publishes, and put it into known_hosts of the Secret of spec.source.secretRef.',
  CertificateUntrusted:
    "Give the controller the certificate of your authority: set GIT_SSL_CAINFO, with the file mounted, in its Deployment's environment.",
  PathNotFound: 'Push it, or name another folder in spec.source.path.',
  SeveralDataflows: 'Name the folder of one of them in spec.source.path, and make a Dataflow for each other.',
  NoDataflow: 'Push a dataflow.yaml, or name its folder in spec.source.path.',
  BranchNotFound: 'Push the branch, or name another in spec.source.branch.',
  EmptyRepository: 'Push a commit.',
  RepositoryNotFound: 'Check spec.source.url; if the repository comes back, it is followed again.',
  SignatureRequired:
    'Sign the commit with a key of allowed_signers in the Secret of spec.source.verify.secretRef, or add the key there.',
  InvalidUrl: 'Correct spec.source.url.',
  SourceUnreachable:
    'Nothing, if it comes back; else check the Git server, and the network policies of the controller.',
  SourceTimeout:
    'Nothing, if it comes back; else check the Git server, and the network policies of the controller.',
  InvalidRevision: 'Mend it and push; `dyninka validate` shows the same findings.',
  BuildFailed: 'Mend it and push.',
  FunctionFailed: 'Mend it and push, or see `kubectl logs`.',
  FunctionPinned: 'Where only what it needs was away, `dyninka reconcile` has the same tried once more.',
  BrokerUnreachable:
    'Check spec.broker.url, or url, with user and password, in the Secret of spec.broker.secretRef (of a zone: those in spec.broker.zones), and the broker; it is tried again.',
  BadBroker: 'Correct url in the Secret of spec.broker.secretRef (of a zone: of that in spec.broker.zones).',
  SecretsUnreadable: 'Check the Secret of spec.secretRef.',
  DiskFull: "Give the controller's volume more room.",
  CacheUnusable: "See to the controller's volume.",
}

export const hintFor = (reason: string, own?: string) => hints[reason] ?? own

/** A message with what to do. */
export function withHint(reason: string, message: string, own?: string): string {
  const hint = hintFor(reason, own)
  return hint ? `${/[.!?]$/.test(message) ? message : `${message}.`} ${hint}` : message
}
