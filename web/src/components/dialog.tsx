/** Dialogs: trapped focus, Escape closes, focus returns; from the accessible library. */
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { useT } from "../i18n/all";
import { Button } from "./basic";
import "./dialog.css";

export function Dialog(props: {
  isOpen: boolean;
  onClose: () => void;
  title: ReactNode;
  wide?: boolean;
  alert?: boolean;
  children: ReactNode;
}) {
  const t = useT();
  return (
    <ModalOverlay
      className="overlay"
      isOpen={props.isOpen}
      isDismissable={!props.alert}
      onOpenChange={(open) => {
        if (!open) props.onClose();
      }}
    >
      <Modal className={`dialog ${props.wide ? "wide" : ""}`}>
        <AriaDialog role={props.alert ? "alertdialog" : "dialog"}>
          <div className="dialog-head">
            <Heading slot="title" level={2}>
              {props.title}
            </Heading>
            {!props.alert && <Button variant="quiet" icon={X} aria-label={t("form.close")} onPress={props.onClose} />}
          </div>
          {props.children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

export function Confirm(props: {
  isOpen: boolean;
  onClose: () => void;
  onConfirm: () => void;
  title: ReactNode;
  action: string;
  danger?: boolean;
  children?: ReactNode;
}) {
  const t = useT();
  return (
    <Dialog isOpen={props.isOpen} onClose={props.onClose} title={props.title} alert>
      <div className="stack">
        <div>{props.children}</div>
        <div className="row end">
          <Button onPress={props.onClose}>{t("form.cancel")}</Button>
          <Button
            variant={props.danger ? "danger" : "primary"}
            autoFocus
            onPress={() => {
              props.onClose();
              props.onConfirm();
            }}
          >
            {props.action}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
