// TalkingHead's own reader of the `anim` of speakAudio: node talkinghead.mjs FILE.json prints its times (ms) and values.
import fs from "node:fs";
import { TalkingHead } from "@met4citizen/talkinghead";

const anim = JSON.parse(fs.readFileSync(process.argv[2]));
const head = Object.assign(Object.create(TalkingHead.prototype), { avatar: {}, animClock: 0, getBaselineValue: () => undefined });
const { ts, vs } = head.animFactory(anim, false, 1, 1, true);
console.log(JSON.stringify({ ts, jaw: vs.jawOpen }));
