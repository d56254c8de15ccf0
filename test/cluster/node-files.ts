import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Certificate } from './certificates.ts'

export interface NodeFiles {
  containerd: string
  kubelet: string
  proxy: string
}

export interface NodeSettings {
  name: string
  cgroup: string
  /** The range of its pods, and of those of all nodes. */
  pods: string
  allPods: string
  /** Who may ask the kubelet for logs, and for what its pods take. */
  caFile: string
  /** What the kubelet is known by to them. */
  serving: Certificate
  proxyKubeconfig: string
  /** `host:port` of a registry that is trusted without TLS. */
  registry: string
  /** What runs for each pod, and does nothing. */
  pauseImage: string
  /** Address of the server of names. */
  dns?: string
}

/** Writes what the servers of a node read. @returns the files */
export function writeNodeFiles(folder: string, settings: NodeSettings): NodeFiles {
  const write = (name: string, content: string | object) => {
    const file = join(folder, name)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content, null, 2))
    return file
  }
  write('cni/10-test.conflist', {
    cniVersion: '1.0.0',
    name: 'test',
    plugins: [
      {
        // Each pod has a link of its own, which is routed: a bridge would need rules for pods that meet on it.
        type: 'ptp',
        ipMasq: false,
        ipam: { type: 'host-local', ranges: [[{ subnet: settings.pods }]], routes: [{ dst: '0.0.0.0/0' }] },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  })
  write(
    `registries/${settings.registry}/hosts.toml`,
    `[host."http://${settings.registry}"]\ncapabilities = ["pull", "resolve"]\n`,
  )
  // The usual paths: a machine has its own /run and /var/lib.
  const containerd = write(
    'containerd.toml',
    `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${settings.pauseImage}"
  # Sandboxes want a lower score than a process without CAP_SYS_RESOURCE may give.
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${join(folder, 'cni')}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${join(folder, 'registries')}"
`,
  )
  const kubelet = write('kubelet.json', {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: { anonymous: { enabled: false }, x509: { clientCAFile: settings.caFile } },
    authorization: { mode: 'Webhook' },
    tlsCertFile: settings.serving.certFile,
    tlsPrivateKeyFile: settings.serving.keyFile,
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${settings.cgroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    // A disk that is nearly full, or images that nobody uses, are none of the tests' concern.
    evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    clusterDomain: 'cluster.local',
    ...(settings.dns && { clusterDNS: [settings.dns] }),
    resolvConf: write('resolv.conf', 'nameserver 127.0.0.1\n'),
    nodeStatusUpdateFrequency: '2s',
    nodeLeaseDurationSeconds: 8,
    // A pod whose container has ended, or is there, is told of at once.
    syncFrequency: '10s',
    serializeImagePulls: false,
  })
  const proxy = write('kube-proxy.json', {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    hostnameOverride: settings.name,
    clusterCIDR: settings.allPods,
    clientConnection: { kubeconfig: settings.proxyKubeconfig },
    // Settings of the kernel that are the same for all its networks, and may not be changed from one.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    iptables: { minSyncPeriod: '100ms', syncPeriod: '30s' },
  })
  return { containerd, kubelet, proxy }
}
