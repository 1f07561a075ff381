// The jobs of this tab, so that they are there after it was loaded anew: their ids, names and settings, no pictures.
const key = "photopulse-jobs";

export function keptJobs() {
  try {
    return JSON.parse(sessionStorage.getItem(key)) ?? [];
  } catch {
    return [];
  }
}

const write = (jobs) => sessionStorage.setItem(key, JSON.stringify(jobs));

export const keep = (job) => write([...keptJobs().filter((one) => one.id !== job.id), job]);

export const forget = (id) => write(keptJobs().filter((one) => one.id !== id));
