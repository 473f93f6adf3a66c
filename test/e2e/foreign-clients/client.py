"""Uses a cluster by the Kubernetes client of Python: KUBECONFIG NAMESPACE IMAGE; prints what it found as JSON."""
import json
import sys

from kubernetes import client, config, watch
from kubernetes.stream import stream

kubeconfig, namespace, image = sys.argv[1:4]
config.load_kube_config(kubeconfig)
core = client.CoreV1Api()
found = {}

container = client.V1Container(
    name="main", image=image, command=["sh", "-c", "echo started; exec sleep 1000"]
)
pod = client.V1Pod(
    metadata=client.V1ObjectMeta(name="python"),
    spec=client.V1PodSpec(containers=[container], termination_grace_period_seconds=0),
)
core.create_namespaced_pod(namespace, pod)

watching = watch.Watch()
for event in watching.stream(core.list_namespaced_pod, namespace, timeout_seconds=60):
    found.setdefault("first", event["type"])
    if event["object"].status.phase == "Running":
        watching.stop()
found["listed"] = [item.metadata.name for item in core.list_namespaced_pod(namespace).items]


def run(script, **more):
    return stream(
        core.connect_get_namespaced_pod_exec,
        "python",
        namespace,
        command=["sh", "-c", script],
        stdout=True,
        stderr=True,
        tty=False,
        **more,
    )


found["output"] = run("echo out", stdin=False) + run("echo err >&2", stdin=False)

failing = run("exit 5", stdin=False, _preload_content=False)
failing.run_forever(timeout=30)
found["exitCode"] = failing.returncode

talking = run("read line; echo you said $line", stdin=True, _preload_content=False)
talking.write_stdin("hello\n")
found["answer"] = talking.readline_stdout(timeout=30)
talking.close()

found["log"] = []
for line in watch.Watch().stream(core.read_namespaced_pod_log, "python", namespace):
    found["log"].append(line)
    break
core.delete_namespaced_pod("python", namespace)
print(json.dumps(found))
