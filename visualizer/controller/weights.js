// Weights of the net, written by `python -m anacrusis_training controller export` from models/controller_v1. Do not edit.
export const IS_DEFAULT = false;
export const WEIGHTS = '';
