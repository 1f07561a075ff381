// 研究页面的全部文字（研究自带的文字除外）。
export default {
  language: "语言",
  consent: "知情同意",
  zoomed: "此页面被缩放了。如果浏览器的缩放比例不是 100 %，请恢复（Ctrl+0）。",
  begin: "我同意，开始",
  pause: "暂停",
  paused: "已暂停，您的回答已保存。若要稍后或在另一台设备上继续，请保存此链接：",
  resume: "继续",
  end: "全部完成，谢谢！您可以关闭此页面。",
  count: (done, total) => `${done} / ${total}`,
  question: { mos: "这张图片看起来有多好？", pairs: "哪张图片看起来更好？", real: "哪张图片是照片？" },
  example: (answer) => `这是 ${answer} 分的例子。按 ${answer} 继续。`,
  grades: ["很差", "差", "一般", "好", "很好"],
  picture: (number) => `图片 ${number}`,
  unsaved: (why) => `您的回答没有保存：${why}请重新回答。`,
  offline: "无法连接服务器。",
  server: {},
};
