// A sound on a page: its spectrogram, in which one can seek, and the browser's own player below, which works without the script too.
import { encodePath, escapeHtml } from './page.js';

/** One sound on the page: paths are relative to the page, or data URIs. */
export interface PageClip {
  readonly title: string;
  readonly audio: string;
  /** Spans the whole sound, from its first sample to its last. */
  readonly picture: string;
  /** Short figures under the player, for example `level −14.2 dBFS`. */
  readonly note?: string;
}

/** One player. A page with players needs `PLAYER_SCRIPT`. */
export function renderPlayer({ title, audio, picture, note }: PageClip): string {
  const label = escapeHtml(title);
  const figures = note === undefined ? '' : `<span>${escapeHtml(note)}</span>`;
  return `<figure class="player"><div class="seek" data-name="${label}"><img src="${encodePath(picture)}" alt="Mel spectrogram of ${label}" loading="lazy"></div>
<audio controls preload="none" src="${encodePath(audio)}" aria-label="${label}"></audio>
<figcaption>${label}${figures}</figcaption></figure>`;
}

/** Players side by side, as many in a row as there is room for. */
export function renderPlayers(clips: readonly PageClip[]): string {
  return `<div class="clips">\n${clips.map(renderPlayer).join('\n')}\n</div>`;
}

/** Makes the spectrograms of the page seekable, and lets one sound play at a time. Its text is sent to the browser: it uses nothing from outside itself. */
export function startPlayers(): void {
  const clock = (seconds: number): string => `${seconds.toFixed(2)} seconds`;
  const audios = [...document.querySelectorAll('audio')];
  for (const audio of audios) {
    audio.addEventListener('play', () => audios.filter((other) => other !== audio).forEach((other) => other.pause()));
    const seek = audio.parentElement?.querySelector<HTMLElement>('.seek');
    if (seek === null || seek === undefined) continue;
    const cursor = seek.appendChild(document.createElement('i'));
    Object.entries({ role: 'slider', tabindex: '0', 'aria-label': `Position in ${seek.dataset.name ?? ''}`, 'aria-valuemin': '0' }).forEach(([name, value]) => seek.setAttribute(name, value));
    const show = (): void => {
      const share = audio.duration > 0 ? audio.currentTime / audio.duration : 0;
      cursor.style.left = `${100 * share}%`;
      seek.setAttribute('aria-valuemax', String(audio.duration || 0));
      seek.setAttribute('aria-valuenow', String(audio.currentTime));
      seek.setAttribute('aria-valuetext', clock(audio.currentTime));
    };
    const goTo = (share: number): void => {
      const move = (): void => {
        audio.currentTime = Math.min(Math.max(share, 0), 1) * audio.duration;
        show();
      };
      if (audio.readyState > 0) return move();
      audio.addEventListener('loadedmetadata', move, { once: true });
      audio.preload = 'metadata';
    };
    const follow = (): void => {
      show();
      if (!audio.paused) requestAnimationFrame(follow);
    };
    const shareAt = (event: PointerEvent): number => (event.clientX - seek.getBoundingClientRect().left) / seek.clientWidth;
    seek.addEventListener('pointerdown', (event) => {
      seek.setPointerCapture(event.pointerId);
      goTo(shareAt(event));
    });
    seek.addEventListener('pointermove', (event) => {
      if (seek.hasPointerCapture(event.pointerId)) goTo(shareAt(event));
    });
    seek.addEventListener('keydown', (event) => {
      const now = audio.duration > 0 ? audio.currentTime / audio.duration : 0;
      const places: Record<string, number> = { ArrowLeft: now - 0.02, ArrowRight: now + 0.02, PageDown: now - 0.2, PageUp: now + 0.2, Home: 0, End: 1 };
      if (event.key in places) goTo(places[event.key]);
      else if (event.key === ' ' || event.key === 'Enter') void (audio.paused ? audio.play() : audio.pause());
      else return;
      event.preventDefault();
    });
    audio.addEventListener('play', follow);
    audio.addEventListener('seeked', show);
    audio.addEventListener('ended', show);
    show();
  }
}

/** The script of a page with players. */
export const PLAYER_SCRIPT = `(${String(startPlayers)})();`;
