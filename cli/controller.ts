import { once } from 'node:events'
import { type Command, Option } from 'commander'
import { command } from './command.ts'
import { duration } from './duration.ts'
import { interruption } from './interrupt.ts'
import { type AdaptFlags, adaptingOf, adaptOptions } from './run/adapt-flags.ts'

interface Options extends AdaptFlags {
  namespace?: string
  selector?: string
  ownNamespace?: string
  lease: string
  service: string
  listen: string
  state: string
  image: string
  brokerImage?: string
  imagePullSecret?: string[]
  serviceAddresses: 'names' | 'ips'
  leaveTimeout?: number
  pinAfter?: number
  kubeconfig?: string
  context?: string
  json?: true
}

export const controller = (): Command =>
  adaptOptions(
    command('controller', {
      summary: 'take care of the Dataflows of a Kubernetes cluster',
      detail:
        'Runs in the cluster, as `dyninka install` and the Helm chart set it up. Of several that share a Lease, one does\n' +
        'the work, and the others stand by.',
      examples: [
        ['dyninka controller --image IMAGE', 'the Dataflows of all namespaces'],
        ['dyninka controller --image IMAGE --namespace etl', 'those of one'],
        [
          'dyninka controller --image IMAGE --selector shard=a --lease dyninka-a',
          'one of several that share the work',
        ],
      ],
      failure: 'the controller could not start',
    })
      .requiredOption(
        '--image <IMAGE>',
        'image with Node that functions run in, by digest; see `dyninka base`',
      )
      .option('--broker-image <IMAGE>', 'image of mosquitto, for Dataflows whose broker is managed')
      .addOption(
        new Option('--service-addresses <HOW>', 'how pods reach a managed broker')
          .choices(['names', 'ips'])
          .default('names'),
      )
      .option(
        '--image-pull-secret <NAME>',
        'Secret beside a Dataflow to pull these images with; may be repeated',
        (name: string, before: string[] = []) => [...before, name],
      )
      .option('-n, --namespace <NAME>', 'only the Dataflows of this namespace (default: all)')
      .option('-l, --selector <LABELS>', 'only Dataflows with these labels, like shard=a')
      .option(
        '--own-namespace <NAME>',
        'namespace of its Lease and its Secret (env: POD_NAMESPACE; default: that of the context)',
      )
      .option('--lease <NAME>', 'name of the Lease', 'dyninka-controller')
      .option('--service <NAME>', 'name of the Service in front of all replicas', 'dyninka')
      .option(
        '--leave-timeout <DURATION>',
        'how long a deleted Dataflow may take to end (default: 2m)',
        duration,
      )
      .option(
        '--pin-after <DURATION>',
        'how long new code may take to start before the function stays what it was (default: 5m)',
        duration,
      )
      .option('--listen <HOST:PORT>', 'address of the HTTP API', '0.0.0.0:4780')
      .option('--state <DIR>', 'folder for copies of repositories and artifacts', '/var/lib/dyninka')
      .option('--kubeconfig <FILE>', 'outside of a cluster (default: KUBECONFIG, ~/.kube/config)')
      .option('--context <NAME>', 'of the kubeconfig')
      .option('--json', 'structured logs on stdout; what a pod does always'),
  )
    .addHelpText(
      'after',
      '\nEnvironment: DYNINKA_WEBHOOK_SECRET signs /webhook; POD_IP is where other replicas reach this one.',
    )
    .action(
      async ({
        ownNamespace,
        lease,
        leaveTimeout,
        pinAfter,
        kubeconfig,
        context,
        image,
        brokerImage,
        imagePullSecret: imagePullSecrets = [],
        serviceAddresses,
        ...options
      }: Options) => {
        const { KubernetesClient } = await import('../controller/kubernetes/client.ts')
        const { startClusterController } = await import('../controller/cluster/cluster-controller.ts')
        const { kubernetesOrchestrators } = await import('../controller/cluster/kubernetes-orchestrators.ts')
        const client = await KubernetesClient.open({
          ...(kubeconfig !== undefined && { kubeconfig }),
          ...(context !== undefined && { context }),
        })
        const signal = interruption()
        const logger = (await import('pino')).pino({ level: process.env.DYNINKA_LOG_LEVEL ?? 'info' })
        const webhookSecret = process.env.DYNINKA_WEBHOOK_SECRET
        const started = await startClusterController({
          ...options,
          client,
          openOrchestrator: kubernetesOrchestrators({ image, imagePullSecrets }),
          ...(brokerImage !== undefined && {
            managedBroker: { image: brokerImage, imagePullSecrets, addresses: serviceAddresses },
          }),
          ownNamespace: ownNamespace ?? process.env.POD_NAMESPACE ?? client.namespace,
          leaseName: lease,
          ...(leaveTimeout !== undefined && { leaveMs: leaveTimeout }),
          ...(process.env.POD_IP && { address: process.env.POD_IP }),
          ...(pinAfter !== undefined && { pinAfterMs: pinAfter }),
          adapting: adaptingOf(options),
          ...(webhookSecret && { webhookSecret }),
          logger,
        })
        logger.info({ url: started.url }, 'listening')
        if (!signal.aborted) await once(signal, 'abort')
        await started.stop()
        if (process.exitCode === 143) process.exitCode = 0 // how a pod is asked to end
      },
    )
