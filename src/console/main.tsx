import { render } from 'preact';
import { App } from './app.tsx';
import { startStore } from './store.ts';

const root = document.getElementById('app');
if (root !== null) {
  startStore();
  render(<App />, root);
}
