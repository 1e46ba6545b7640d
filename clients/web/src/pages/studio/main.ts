import { mount } from '../mount';
import Studio from './Studio.svelte';

void mount(Studio);
