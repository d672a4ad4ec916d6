// The page of `speechface view`: one or two .glb that speak, with sound, waveform, curves and a slider a channel.
// Bundled with three.js into viewer.min.js by `make viewer`.
import {
  AnimationMixer, Box3, Color, DirectionalLight, HemisphereLight, PerspectiveCamera, Scene, Vector3, WebGLRenderer,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import { MeshoptDecoder } from "three/addons/libs/meshopt_decoder.module.js";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";

const COLOURS = ["#e4572e", "#2e86ab", "#3a9d5d", "#c9a227", "#8e5ea2", "#d1478c", "#4f6d7a", "#b08968"];
const FIRST = ["jawOpen", "mouthClose", "mouthPucker", "mouthSmileLeft", "eyeBlinkLeft"];

const element = (tag, attributes = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
};
const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
const clock = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;

/** The sound in a .glb (KHR_audio_emitter) as bytes, or null. */
async function soundOf(gltf) {
  const audio = gltf.parser.json.extensions?.KHR_audio_emitter?.audio?.[0];
  return audio?.bufferView === undefined ? null : gltf.parser.getDependency("bufferView", audio.bufferView);
}

/** One face in its own view. */
class Take {
  constructor({ name, glb, sound }) {
    this.name = name;
    this.content = bytes(glb);
    this.given = sound ? bytes(sound).buffer : null;
    this.held = new Map(); // channel -> weight that a slider holds
    this.canvas = element("canvas", { tabIndex: -1 });
    this.canvas.setAttribute("aria-label", `face of ${name}`);
    this.box = element("figure", { className: "take" }, this.canvas, element("figcaption", { textContent: name }));
  }

  async load(context) {
    const loader = new GLTFLoader().setMeshoptDecoder(MeshoptDecoder);
    const gltf = await loader.parseAsync(this.content.buffer, "");
    this.content = null;
    this.root = gltf.scene;
    this.meshes = [];
    this.root.traverse((node) => {
      node.frustumCulled = false;
      if (node.morphTargetDictionary) this.meshes.push(node);
    });
    this.channels = [...new Set(this.meshes.flatMap((mesh) => Object.keys(mesh.morphTargetDictionary)))];
    this.clip = gltf.animations.at(-1);
    this.curves = this.clip ? this.curvesOf(this.clip) : new Map();
    this.duration = this.clip?.duration ?? 0;
    this.mixer = new AnimationMixer(this.root);
    if (this.clip) this.mixer.clipAction(this.clip).play();
    const sound = this.given ?? (await soundOf(gltf));
    if (sound) this.sound = await context.decodeAudioData(sound.slice(0));
    this.duration = Math.max(this.duration, this.sound?.duration ?? 0);
    this.stage();
    this.show(0);
  }

  /** Channel -> {times, values} of the clip. */
  curvesOf(clip) {
    const curves = new Map();
    for (const track of clip.tracks.filter((track) => track.name.endsWith(".morphTargetInfluences"))) {
      const mesh = this.root.getObjectByName(track.name.slice(0, track.name.lastIndexOf(".")));
      const count = mesh?.morphTargetInfluences?.length;
      for (const [channel, place] of Object.entries(mesh?.morphTargetDictionary ?? {})) {
        if (curves.has(channel)) continue;
        const values = Float32Array.from(track.times, (_, k) => track.values[k * count + place]);
        curves.set(channel, { times: track.times, values });
      }
    }
    return curves;
  }

  stage() {
    this.renderer = new WebGLRenderer({ canvas: this.canvas, antialias: true });
    this.scene = new Scene();
    this.scene.background = new Color(0.8, 0.84, 0.88);
    const key = new DirectionalLight(0xfff2e0, 2.2);
    const fill = new DirectionalLight(0xdde8f2, 0.7);
    key.position.set(-0.6, 0.8, 1);
    fill.position.set(1, 0.2, 0.8);
    this.scene.add(this.root, key, fill, new HemisphereLight(0xdfe6f0, 0x6a5a50, 1.3));
    this.camera = new PerspectiveCamera(24, 1, 0.01, 100);
    const box = new Box3();
    for (const mesh of this.meshes.length ? this.meshes : [this.root]) box.expandByObject(mesh);
    const size = box.getSize(new Vector3());
    const target = box.getCenter(new Vector3());
    const reach = (0.62 * Math.max(size.x, size.y)) / Math.tan((12 * Math.PI) / 180) + size.z / 2;
    this.camera.position.copy(target).add(new Vector3(0, 0, reach));
    this.controls = new OrbitControls(this.camera, this.canvas);
    this.controls.target.copy(target);
    this.controls.enableDamping = true;
    this.controls.update();
  }

  show(time) {
    const end = this.clip ? this.clip.duration - 1e-4 : 0;
    this.mixer.setTime(Math.min(time, end));
    for (const [channel, weight] of this.held) {
      for (const mesh of this.meshes) {
        const place = mesh.morphTargetDictionary[channel];
        if (place !== undefined) mesh.morphTargetInfluences[place] = weight;
      }
    }
  }

  letGo() {
    this.held.clear();
    // a mixer sets only what has changed since it set it: begin anew
    this.mixer.stopAllAction();
    if (this.clip) this.mixer.clipAction(this.clip).play();
  }

  weight(channel) {
    const mesh = this.meshes.find((one) => channel in one.morphTargetDictionary);
    return mesh ? mesh.morphTargetInfluences[mesh.morphTargetDictionary[channel]] : 0;
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const ratio = Math.min(devicePixelRatio, 2);
    if (this.canvas.width !== Math.floor(width * ratio) || this.canvas.height !== Math.floor(height * ratio)) {
      this.renderer.setPixelRatio(ratio);
      this.renderer.setSize(width, height, false);
      this.camera.aspect = width / height;
      this.camera.updateProjectionMatrix();
    }
    this.controls.update();
    this.renderer.render(this.scene, this.camera);
  }
}

/** What is heard, and the time that everything follows. */
class Player {
  constructor(context) {
    this.context = context;
    this.from = 0;
    this.playing = false;
  }

  get time() {
    if (!this.playing) return this.from;
    const latency = this.context.outputLatency || this.context.baseLatency || 0;
    return Math.max(this.from, Math.min(this.duration, this.from + this.context.currentTime - this.started - latency));
  }

  async play() {
    if (this.playing) return;
    await this.context.resume();
    if (this.from >= this.duration - 0.01) this.from = 0;
    this.started = this.context.currentTime;
    this.playing = true;
    if (!this.sound || this.from >= this.sound.duration) return;
    this.source = this.context.createBufferSource();
    this.source.buffer = this.sound;
    this.source.connect(this.context.destination);
    this.source.start(0, this.from);
  }

  pause() {
    this.from = this.time;
    this.playing = false;
    this.source?.stop();
    this.source = null;
  }

  seek(time) {
    const again = this.playing;
    this.pause();
    this.from = Math.max(0, Math.min(this.duration, time));
    if (again) this.play();
  }
}

/** Waveform and curves on one canvas, a playhead over them. */
class Chart {
  constructor(takes, player) {
    Object.assign(this, { takes, player, shown: new Map() });
    this.canvas = element("canvas", { className: "chart" });
    this.legend = element("div", { className: "legend" });
    const curves = takes[0].curves;
    const known = FIRST.filter((channel) => curves.has(channel));
    (known.length ? known : [...curves.keys()].slice(0, FIRST.length)).forEach((channel) => this.toggle(channel));
    const seek = (event) => {
      const box = this.canvas.getBoundingClientRect();
      player.seek(((event.clientX - box.left) / box.width) * player.duration);
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      seek(event);
    });
    this.canvas.addEventListener("pointermove", (event) => event.buttons && seek(event));
  }

  /** Show or hide a channel. */
  toggle(channel) {
    this.stale = true;
    if (!this.shown.delete(channel)) {
      const taken = new Set(this.shown.values());
      this.shown.set(channel, COLOURS.find((colour) => !taken.has(colour)) ?? COLOURS[this.shown.size % COLOURS.length]);
    }
    this.legend.replaceChildren(...[...this.shown].map(([name, color]) => {
      const mark = element("span", { textContent: name });
      mark.style.borderColor = color;
      return mark;
    }));
  }

  paint() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const ratio = Math.min(devicePixelRatio, 2);
    if (this.stale || this.canvas.width !== Math.floor(width * ratio)) {
      this.still = new OffscreenCanvas(Math.max(1, width * ratio), Math.max(1, height * ratio));
      const pen = this.still.getContext("2d");
      pen.scale(ratio, ratio);
      this.lines(pen, width, height);
      this.canvas.width = Math.floor(width * ratio);
      this.canvas.height = Math.floor(height * ratio);
      this.stale = false;
    }
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.drawImage(this.still, 0, 0);
    pen.fillStyle = getComputedStyle(this.canvas).color;
    pen.fillRect((this.player.time / this.player.duration) * this.canvas.width - ratio / 2, 0, 1.5 * ratio, this.canvas.height);
  }

  lines(pen, width, height) {
    const { sound, duration } = this.player;
    const middle = height * 0.2;
    pen.fillStyle = "#8896a8";
    if (sound) {
      const samples = sound.getChannelData(0);
      const step = (duration * sound.sampleRate) / width;
      const tops = Array.from({ length: Math.ceil(width) }, (_, x) => {
        let top = 0;
        for (let k = Math.floor(x * step); k < Math.min((x + 1) * step, samples.length); k++) top = Math.max(top, Math.abs(samples[k]));
        return top;
      });
      const scale = (middle * 0.95) / Math.max(0.01, ...tops); // quiet recordings fill the band, too
      tops.forEach((top, x) => pen.fillRect(x, middle - top * scale, 1, Math.max(1, 2 * top * scale)));
    }
    const [low, high] = [height - 6, height * 0.42];
    this.takes.forEach((take, k) => {
      pen.setLineDash(k ? [4, 3] : []);
      for (const [channel, colour] of this.shown) {
        const curve = take.curves.get(channel);
        if (!curve) continue;
        pen.strokeStyle = colour;
        pen.lineWidth = 1.5;
        pen.beginPath();
        curve.times.forEach((time, n) => pen.lineTo((time / duration) * width, low + (high - low) * curve.values[n]));
        pen.stroke();
      }
    });
  }
}

/** A row a channel: click the name for its curve, drag the slider to hold the channel. */
function sliders(takes, chart) {
  const channels = [...new Set(takes.flatMap((take) => take.channels))];
  const rows = channels.map((channel) => {
    const name = element("button", { className: "name", type: "button", textContent: channel, title: "show or hide its curve" });
    const slider = element("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0 });
    const value = element("output", { textContent: "0.00" });
    slider.setAttribute("aria-label", channel);
    const row = element("div", { className: "row" }, name, slider, value);
    const mark = () => (name.style.borderColor = chart.shown.get(channel) ?? "transparent");
    name.addEventListener("click", () => (chart.toggle(channel), mark()));
    slider.addEventListener("input", () => {
      for (const take of takes) take.held.set(channel, slider.valueAsNumber);
      row.classList.add("held");
    });
    mark();
    return { channel, slider, value, row };
  });
  const release = element("button", { type: "button", textContent: "let go of all" });
  release.addEventListener("click", () => {
    for (const take of takes) take.letGo();
    for (const { row } of rows) row.classList.remove("held");
  });
  const box = element("details", { className: "channels", open: innerWidth > 700 },
    element("summary", { textContent: `${channels.length} channels` }), release,
    element("div", { className: "rows" }, ...rows.map(({ row }) => row)));
  const follow = () => {
    for (const { channel, slider, value, row } of box.open ? rows : []) {
      const weight = takes[0].weight(channel);
      if (!row.classList.contains("held")) slider.value = weight;
      value.textContent = (row.classList.contains("held") ? slider.valueAsNumber : weight).toFixed(2);
    }
  };
  return { box, follow };
}

async function main() {
  const main = document.querySelector("main");
  const context = new AudioContext();
  const takes = JSON.parse(document.getElementById("takes").textContent).map((take) => new Take(take));
  main.append(element("div", { className: "takes" }, ...takes.map((take) => take.box)));
  try {
    for (const take of takes) await take.load(context);
  } catch (error) {
    main.append(element("p", { className: "failed", textContent: `This file cannot be shown: ${error.message}` }));
    throw error;
  }
  const player = new Player(context);
  player.duration = Math.max(...takes.map((take) => take.duration), 0.01);
  player.sound = takes.find((take) => take.sound)?.sound;
  const chart = new Chart(takes, player);
  const { box, follow } = sliders(takes, chart);
  const button = element("button", { className: "play", type: "button", textContent: "▶" });
  const time = element("output", { className: "time" });
  const flip = () => (player.playing ? player.pause() : player.play());
  button.addEventListener("click", flip);
  const heard = element("select", { title: "whose sound is heard" });
  takes.forEach((take) => heard.append(element("option", { textContent: take.name })));
  heard.hidden = takes.filter((take) => take.sound).length < 2;
  heard.addEventListener("change", () => {
    player.sound = takes[heard.selectedIndex].sound;
    chart.stale = true;
    player.seek(player.time);
  });
  main.append(element("div", { className: "bar" }, button, time, heard), chart.canvas, chart.legend, box);
  addEventListener("keydown", (event) => {
    if (event.target.matches("input, select, button, summary")) return;
    const step = { ArrowLeft: -1 / 30, ArrowRight: 1 / 30 }[event.key];
    if (event.key === " ") flip();
    else if (step) player.seek(player.time + step);
    else return;
    event.preventDefault();
  });
  addEventListener("resize", () => (chart.stale = true));
  const frame = () => {
    if (player.playing && player.time >= player.duration) player.pause();
    for (const take of takes) {
      take.show(player.time);
      take.draw();
    }
    button.textContent = player.playing ? "❚❚" : "▶";
    button.setAttribute("aria-label", player.playing ? "pause" : "play");
    time.textContent = `${clock(player.time)} / ${clock(player.duration)}`;
    chart.paint();
    follow();
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  window.speechface = { takes, player, chart };
}

main();
