// A text in the font of terminals, with a button that copies it.
import { useEffect, useState } from 'preact/hooks';

/** Time for which the button says that it has copied, in milliseconds. */
const SAID = 2000;

export function Copied({ label, text }: { label: string; text: string }) {
  const [said, setSaid] = useState<string | null>(null);
  useEffect(() => {
    if (said === null) return;
    const timer = setTimeout(() => setSaid(null), SAID);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid('Copied');
    } catch {
      // Browsers give the clipboard to safe origins only.
      setSaid('Select the text, and copy it by hand');
    }
  };
  return (
    <figure class="copied">
      <figcaption>
        <span>{label}</span>
        <button type="button" class="small" onClick={copy} aria-label={`Copy: ${label}`}>
          Copy
        </button>
        <span role="status" class="muted">
          {said}
        </span>
      </figcaption>
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
    </figure>
  );
}
