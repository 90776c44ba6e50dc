/**
 * The same machine in the speaker's window and in the audience's: it is deterministic, so its place in the run and the
 * edited handlers are all that has to be told.
 */
import type { Moment } from "../../lib/experiments/view.js";
import type { Machine } from "./client.js";
import { sameMoment } from "./moment.js";
import type { EditedHandlers } from "./protocol.js";

interface Place {
  edited: EditedHandlers;
  moment: Moment;
}

export function share(machine: Machine, name: string): () => void {
  const channel = new BroadcastChannel(`ring1/${name}`);
  let told: Moment | null = null;
  channel.onmessage = ({ data }: MessageEvent<Place>) => {
    told = data.moment;
    if (!sameMoment(machine.state.view?.moment ?? null, data.moment)) machine.adopt(data.edited, data.moment);
  };
  const stop = machine.subscribe(({ status, view, edited }) => {
    if (!view || (status !== "paused" && status !== "ended")) return;
    if (sameMoment(told, view.moment)) return;
    told = view.moment;
    channel.postMessage({ edited, moment: view.moment } satisfies Place);
  });
  return () => {
    stop();
    channel.close();
  };
}
