"""A rendered pod as a container of Docker's: its image, command, user, rights, settings, mounts, memory and names, all as the manifest has them."""

import subprocess
import time
from base64 import b64decode
from pathlib import Path
from urllib.request import Request, urlopen

from tests.k8s.manifests import Manifest, Pod, of_kind

PREFIX = "tracker-k8s-try-"
NETWORK = f"{PREFIX}network"
MEBIBYTES = {"Mi": 1, "Gi": 1024}


def docker(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False, timeout=300)
    if check and done.returncode != 0:
        raise SystemExit(f"docker {' '.join(words[:2])} … failed:\n{done.stderr}")
    return done


class Node:
    """One pod of an overlay. `folder` is for what its volumes hold; `tag` is that of our images."""

    def __init__(self, pod: Pod, overlay: str, folder: Path, tag: str) -> None:
        self.pod, self.overlay, self.folder, self.tag = pod, overlay, folder, tag
        self.name = f"{PREFIX}{pod.name}"
        self.container: Manifest = pod.spec["containers"][0]

    def start(self) -> None:
        """Its init containers to their end, then its container, until its startup and readiness probes say yes."""
        for each in self.pod.spec.get("initContainers", []):
            docker("run", "--rm", "--name", f"{self.name}-{each['name']}", *self._options(each))
        docker("run", "--detach", "--name", self.name, f"--network-alias={self.pod.name}", *self._options(self.container))
        for probe in ("startupProbe", "readinessProbe"):
            self.wait_for(probe)

    def stop(self) -> tuple[int, float]:
        """Ends it as a kubelet does, within its grace. Exit code and seconds."""
        began = time.monotonic()
        docker("stop", "--time", str(self.pod.spec.get("terminationGracePeriodSeconds", 30)), self.name)
        return self.exit_code(), time.monotonic() - began

    def exit_code(self) -> int:
        return int(docker("inspect", "--format", "{{.State.ExitCode}}", self.name).stdout)

    def has_ended(self) -> bool:
        return docker("inspect", "--format", "{{.State.Running}}", self.name).stdout.strip() == "false"

    def address(self) -> str:
        return docker("inspect", "--format", f'{{{{(index .NetworkSettings.Networks "{NETWORK}").IPAddress}}}}', self.name).stdout.strip()

    def passes(self, probe: str) -> bool:
        """Whether it has this probe, or passes it."""
        asked = self.container.get(probe)
        if asked is None:
            return True
        if "exec" in asked:
            return docker("exec", self.name, *asked["exec"]["command"], check=False).returncode == 0
        (port,) = [each["containerPort"] for each in self.container["ports"] if each["name"] == asked["httpGet"]["port"]]
        if not (address := self.address()):
            return False
        headers = {header["name"]: header["value"] for header in asked["httpGet"].get("httpHeaders", [])}
        try:
            with urlopen(Request(f"http://{address}:{port}{asked['httpGet']['path']}", headers=headers), timeout=3) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def wait_for(self, probe: str, seconds: float = 180) -> None:
        """Until it passes the probe, if it has one; SystemExit with its log if it does not, or ends."""
        deadline = time.monotonic() + seconds
        while not self.passes(probe):
            if time.monotonic() > deadline or self.has_ended():
                log = docker("logs", "--tail", "30", self.name)
                raise SystemExit(f"{self.pod.name} fails its {probe}:\n{log.stdout}{log.stderr}")
            time.sleep(0.5)

    def _options(self, container: Manifest) -> list[str]:
        context, rights = self.pod.spec["securityContext"], container["securityContext"]
        options = [f"--network={NETWORK}", f"--user={context['runAsUser']}:{context['runAsGroup']}", "--security-opt=no-new-privileges"]
        options += [f"--cap-drop={each}" for each in rights["capabilities"]["drop"]]
        options += ["--read-only"] if rights["readOnlyRootFilesystem"] else []
        limit = container["resources"]["limits"]["memory"]
        options += [f"--memory={int(limit[:-2]) * MEBIBYTES[limit[-2:]]}m"]
        options += [f"--env={name}={value}" for name, value in self._environment(container).items()]
        options += [word for mount in container.get("volumeMounts", []) for word in self._mount(mount)]
        image = container["image"]
        return [*options, "--entrypoint", container["command"][0], self._tagged(image), *container["command"][1:]]

    def _tagged(self, image: str) -> str:
        return image if ":" in image else f"{image}:{self.tag}"

    def _environment(self, container: Manifest) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in container.get("envFrom", []):
            (reference,) = source.values()
            found |= self._data(reference["name"]) if not reference.get("optional") else {}
        for variable in container.get("env", []):
            if "value" in variable:
                found[variable["name"]] = variable["value"]
            else:
                reference = variable["valueFrom"]["secretKeyRef"]
                if not reference.get("optional"):
                    found[variable["name"]] = self._data(reference["name"])[reference["key"]]
        return found

    def _data(self, name: str) -> dict[str, str]:
        (found,) = [each for each in of_kind(self.overlay, "ConfigMap", "Secret") if each["metadata"]["name"] == name]
        return {key: b64decode(value).decode() if found["kind"] == "Secret" else value for key, value in found["data"].items()}

    def _mount(self, mount: Manifest) -> list[str]:
        volume = next((each for each in self.pod.spec.get("volumes", []) if each["name"] == mount["name"]), {"name": mount["name"]})
        user, group = self.pod.spec["securityContext"]["runAsUser"], self.pod.spec["securityContext"]["runAsGroup"]
        if "emptyDir" in volume:
            size = volume["emptyDir"]["sizeLimit"].lower().removesuffix("i")
            return [f"--tmpfs={mount['mountPath']}:size={size},uid={user},gid={group},mode=0770"]
        if "configMap" in volume:
            config = self._data(volume["configMap"]["name"])
            items = volume["configMap"].get("items", [{"key": key, "path": key} for key in config])
            folder = self.folder / self.pod.name / mount["name"]
            folder.mkdir(parents=True, exist_ok=True)
            for item in items:
                (folder / item["path"]).write_text(config[item["key"]], encoding="utf-8")
            return [f"--volume={folder}:{mount['mountPath']}:ro"]
        # A claim: shared by name if it is one of its own, and made writable as fsGroup makes it.
        claim = volume.get("persistentVolumeClaim", {"claimName": f"{self.pod.name}-{volume['name']}"})["claimName"]
        folder = self.folder / "claims" / claim
        if not folder.exists():
            folder.mkdir(parents=True)
            subprocess.run(["chown", f"{user}:{group}", folder], check=True)
        return [f"--volume={folder}:{mount['mountPath']}"]
